# Each engine has a bridge and a block of addresses of its own, and dockerd is
# told to leave iptables alone: two dockerds on one machine rewrite each other's
# chains. The few rules needed are ours, marked, and gone when the engine stops.

# bridge_of VARIANT: unique for the folder too; an interface's name has 15 characters at most.
bridge_of() { say "dgpu-${1:0:1}$(printf '%s' "$(state "$1")" | sha256sum | cut -c1-7)"; }

# block_of VARIANT: 10.213.N for the bridge, and N for the pools of user networks
# in 10.214; N is the first that no route of this machine covers.
block_of() {
	local file n
	file=$(state "$1")/block
	if [ ! -s "$file" ]; then
		n=$((16#$(printf '%s' "$(state "$1")" | sha256sum | cut -c1-2)))
		while ip -4 route show table all | grep -qE "(^| )10\.21[34]\.$n\."; do n=$(((n + 1) % 256)); done
		say "$n" >"$file"
	fi
	cat "$file"
}

rules() {
	local mark="-m comment --comment $1"
	say "nat POSTROUTING -s 10.213.$2.0/24 ! -o $1 $mark -j MASQUERADE"
	# User networks have bridges that are not known beforehand.
	say "nat POSTROUTING -s 10.214.$2.0/24 ! -d 10.214.$2.0/24 $mark -j MASQUERADE"
	say "filter FORWARD -s 10.213.$2.0/24 $mark -j ACCEPT"
	say "filter FORWARD -d 10.213.$2.0/24 $mark -j ACCEPT"
	say "filter FORWARD -s 10.214.$2.0/24 $mark -j ACCEPT"
	say "filter FORWARD -d 10.214.$2.0/24 $mark -j ACCEPT"
}

network_up() {
	local bridge block table rule
	need_packages ip=iproute2 iptables=iptables
	bridge=$(bridge_of "$1")
	block=$(block_of "$1")
	ip link show "$bridge" >/dev/null 2>&1 || ip link add name "$bridge" type bridge
	ip addr replace "10.213.$block.1/24" dev "$bridge"
	ip link set "$bridge" up
	rules "$bridge" "$block" | while read -r table rule; do
		# shellcheck disable=SC2086 # a rule is many words
		iptables -w -t "$table" -C $rule 2>/dev/null || iptables -w -t "$table" -I $rule
	done
}

network_down() {
	local bridge block table rule
	bridge=$(bridge_of "$1")
	block=$(block_of "$1")
	rules "$bridge" "$block" | while read -r table rule; do
		# shellcheck disable=SC2086
		while iptables -w -t "$table" -D $rule 2>/dev/null; do :; done
	done
	ip link delete "$bridge" 2>/dev/null || true
}
