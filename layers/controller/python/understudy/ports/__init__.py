"""What the use cases need of the world, as narrow as they need it. Adapters and test fakes both keep to these."""
