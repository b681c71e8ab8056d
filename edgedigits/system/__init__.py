"""What every room stands on, and none of it knows a digit: files that are whole or not there (`files`), locks of one
process (`locks`, `flock`), zip archives of torch (`archive`), versions and processors (`environment`), tables that
others can add to (`plugins`), templates, a server for this machine's own browsers (`server`), packages from npm
(`npm`)."""
