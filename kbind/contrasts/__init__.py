"""What lost customers have in common: churned against retained, attribute by attribute."""
