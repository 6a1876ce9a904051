"""Numbers put into words: facts, their formats in German and English, sentences, and what stays untold."""
