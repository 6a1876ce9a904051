"""Which measures fit the bonds that customers have, and which occasions start them."""
