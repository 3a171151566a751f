make_bases() { :; }
make_all_bases() { :; }
