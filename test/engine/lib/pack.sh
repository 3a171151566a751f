# The engine in one file, for a GPU machine without a network: see test/gpu.

pack() {
	local to=$cache/docker-gpu-engine.tar.xz tree name
	build
	need_packages xz=xz-utils strip=binutils
	tree=$(mktemp -d "$cache/pack.XXXXXX")
	chmod 755 "$tree"
	for name in dockerd containerd containerd-shim-runc-v2 runc; do cp "$bin/$name" "$tree/"; done
	cp "$toolkit"/nvidia-ctk "$toolkit"/nvidia-cdi-hook "$tree/"
	cp "$(PATH=$PATH:$bin command -v docker)" "$tree/docker"
	strip "$tree"/*
	# One dictionary over all programs: they share half of their code.
	tar -C "$tree" --sort=name --owner=0 --group=0 --mtime=@0 -cf - . |
		xz --x86 --lzma2=preset=9e,dict=256MiB >"$tree.tar.xz"
	mv "$tree.tar.xz" "$to"
	rm -rf "$tree"
	say "$to, $(($(stat -c %s "$to") / 1000000)) MB"
}
