"""What a chapter tells: sentences, tables and figures made from results."""
