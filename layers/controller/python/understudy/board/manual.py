"""What CloudWatch shows when it is asked to describe the widget."""

MANUAL = """## Understudy: every cluster on one board

Who needs you stands first, in full; who is well has a line.

| word | means |
|---|---|
| **needs you** | a rule calls an operator, a move waits for an approval, or a record has to be put right by hand |
| **cannot be read** | not known, which is neither good nor bad |
| **moving** | a transition is under way, or due |
| **degraded** | it is served, and something that the next failover needs is missing |
| **held** | an operator keeps it from moving by itself |
| **well** | it is served, and another node is fit to take over |

The board only reads: the cluster table, and the protected records in Route 53. It decides by the same table of rules as
the controller, and carries nothing out.

### Parameters of the widget

| parameter | means |
|---|---|
| `cluster` | show this one only, in full |

```yaml
cluster: orders-db
```

What every word means, and what to do: `docs/monitoring.md`, *The board*.
"""
