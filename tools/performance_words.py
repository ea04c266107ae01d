"""The sentences of docs/performance.md; the figures come in between."""

HEAD = """# Performance

Written by `make performance-docs` from what the benchmarks measured; not by hand. What is the same on every machine
stands first: calls, counts, sizes, and an outage in virtual time. Seconds come last, and they are of one machine.
Nothing here was measured on real AWS.

| to measure again | what | how long |
|---|---|---|
| `make bench-counts` | calls, what functions load, sizes | a minute |
| `make bench-outage ZONES=1`, `make bench-outage ZONES=100` | a whole Availability Zone at once | a minute |
| `make bench` | all counts, and every time | ten minutes on a quiet machine |
| `make bench-peers` | Pacemaker, Patroni and the paper's procedure beside it, on real nodes | fifty minutes |
| `make performance-docs` | takes in what these have left in `build/bench`, and writes this document | seconds |

What functions and libraries print while `make bench` and `make bench-counts` run is in `build/bench/bench.log` and
`build/bench/counts.log`.

"""
CALLS = """## What is asked of AWS

Counted by botocore itself, on moto, with the real functions and the real workflow. Tests demand exactly these numbers:
one call more for each beat costs money on every machine. No test checks a time. *Cold* means that every function has
just been started.

"""
BUSY = """
A move writes the cluster's item in transactions, and DynamoDB refuses a beat meanwhile. The beat is tried again after
20 to 50 ms, by chance, five times in all. The table shows how many tries {beats:,} beats need that all come while a
transaction holds the item. The adapter is the real one; DynamoDB is a table in memory that answers without delay
(virtual time, seeded chance), and its next transaction begins 50 to 150 ms after the end of the one before. How long
DynamoDB holds an item is not documented, so the times are assumed. Below 80 ms no beat can be lost, whatever chance
says. With longer holds some are lost, and a single lost beat costs nothing.

"""
FAILOVER = """
A failover, from the beat that notices the silence to the end of the transition, for a cluster with one record:

"""
WATCH = """
The watch, which runs once a minute for all clusters, reads Route 53 by zone and not by cluster:

"""
LOADED = """
## What a cold start loads

A heartbeat's function makes its DynamoDB client while it starts, where Lambda gives a whole processor; that is its
greater memory. A test names what it may load: the table, EventBridge and Step Functions, and nothing of what only
moves, checks of readiness and rehearsals think of. Memory is the interpreter's after the import, Python {python}.

"""
PACKAGES = """
Every function has the same two layers; its own code is half a kilobyte. Bytecode is left out.

"""
OUTAGE = """
## A whole Availability Zone at once

Every cluster with its active node there moves in the same five seconds. The product's own use cases and adapters run
against a model of Route 53 with the limits that AWS documents: for each account 10 requests a second (50 at once) and
100 change units a second (1,500 at once), one batch at a time in each zone. Time is virtual and chance is seeded, so
every machine finds the same. What AWS does not document is assumed: a call takes 0.03 to 0.12 s, a batch keeps its
zone for 0.2 to 0.8 s, a change is in sync after 20 s (lognormal, sigma 0.5). Nobody else uses the account.

- **What the buckets allow**: no way to hand in the changes can be faster.
- **Group commit**: this product ([ADR 0046](adr/0046-group-commit-when-route-53-is-crowded.md)) as its template has it:
  it leaves a tenth of each bucket to others, of change units and of requests. What is refused all the same are the
  first calls, made before anybody has said that Route 53 is crowded, and batches for a zone that has one in work.
- **Each for itself**: the same guarded change, without group commit, tried for 300 s.
- **The paper**: an UPSERT without guard, three tries 2 s apart, each with the three of an AWS SDK. It asks AWS for less
  (two change units, where a guarded move needs four), and most clusters have spent their tries before it is their turn.

"""
WAITS = """
## What waits for what

The paper's procedure starts the service when GetChange has said INSYNC, and asks every 20 s, five times. This product
grants the lease when the change is *accepted*: the service starts while the change spreads, and no poll is waited for.
So this is waited for between the change and the start of the service, by the settings alone (virtual time):

"""
LATE = """
A change that takes longer than 80 s is reported by the paper's procedure as a failed start, and its service stays down
although the record is right. Here it is reported as propagating, the service is in service, and polling goes on.

Neither way can make clients follow sooner than Route 53's servers have the change and resolvers have let go of the old
answer. What is gained is the rest of the last 20 s, and the time that the service needs to start: here both pass side
by side, there one after the other.
"""
NOT_YET = """
## Times

**Not measured yet.** They need a machine that has nothing else to do, and this version was not built on one.
`make bench && make performance-docs` puts them here: both ways side by side on one embedded AWS for changes that take
0, 5, 30 and 60 s to be in sync, warm and cold functions, imports as multiples of boto3's.
"""
SIDE_BY_SIDE = """
## Both ways side by side

One run, one embedded AWS ({processors} processors, load {load_before} before it). Seconds after the client's last
answer. The active node is killed; a client with a resolver that keeps an answer for the TTL (1 s) tries every 0.12 s.

Understudy runs as deployed, with its default timings. The paper's procedure is a script of ours that does what the
kit's manual says, in real time: read, UPSERT, GetChange at once and every 20 s, start the service after INSYNC. One
number of it is assumed and not measured, marked with *: that a dead node is noticed after 15 s, LifeKeeper's default
of 3 heartbeats 5 s apart. It asks for no proof that the node before has stopped, and grants no lease.

"""
TIMES = """
## Times on that machine

Of {warm_failovers} failovers with warm functions, and one with cold ones. Invoke is the emulator's.

"""
LARGE_WATCH = """
## A watch of {clusters:,} clusters

The real watch on the real adapters, AWS in memory, ten threads; the answers of AWS over a network are not in it.
*Calm*: nothing ails any cluster. *Dark*: in the same minute every second cluster has lost its active node. Memory grew
by {memory_mb} MB. Judging may take 40 s ([how far it goes](scale.md)).

"""
PEERS = """
## Side by side with its peers

`make bench-peers`, on Debian as root: real nodes (systemd as process 1, [the lab](nodes-lab.md)), one embedded AWS,
the same service, client and faults for all, side by side in one run for each table. Why it is built so:
[ADR 95](adr/0095-peers-are-measured-on-the-same-nodes.md).

Seconds for which a client was not served: the median of {runs} (the least–the most). The client asks every 0.05 s.
*Record*: it resolves as a caching resolver does, with the TTL of the record, and Route 53's servers have a change
{propagation_s} s after it was accepted. *Load balancer*: HAProxy asks the nodes every 0.5 s, and goes by two answers;
what it asks is `/serving` here, and `/primary` of Patroni. Two processors carried all of it, with other work beside:
the longest times are theirs as much as the contenders'.

![Medians of the outages by fault](images/peers.png)

"""
PEERS_SAFETY = """
Each node was asked for itself, past every name, some twenty to a hundred times a second. Two that serve at once: an
answer of one of them while another one served. Of PostgreSQL that is a server that says that it takes writes; with
synchronous replication it cannot acknowledge one alone. Those that are counted are leaders that thawed after a freeze
of 30 s: for some tenths of a second they answered who still had a session, until they were killed.

"""
PEERS_LOSS = """
{minutes} minutes in which each node lost 20 % of all packets, drawn by chance, in both directions:

"""
PEERS_SETTINGS = """
What was set; the rest is as its authors ship it. EC2 stops an instance in no time here, which is to the benefit of
`fence_aws`: real EC2 takes its time. Pacemaker starts the service before the record, since its agent waits 20 s before
it looks for INSYNC. The paper's procedure says nothing of other faults.

"""
