"""The supply chain: licences, the list of what is inside, known weaknesses."""
