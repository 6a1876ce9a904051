"""What a folder of exports probably is: looked at, recognised or guessed by its columns, proposed as `kbind.yaml`."""
