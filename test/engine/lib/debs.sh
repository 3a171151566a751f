fetch_debs() { :; }
