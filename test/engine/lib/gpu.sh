# A GPU made of nothing: a CDI spec whose device nodes are /dev/null, enough to
# see which device an engine would have given.

fake_gpu() {
	local to=$1/cdi
	rm -rf "$to" && mkdir -p "$to"
	[ "$2" = fake ] || return 0
	cat >"$to/nvidia.yaml" <<-'Y'
		cdiVersion: 0.5.0
		kind: nvidia.com/gpu
		devices:
		  - name: "0"
		    containerEdits:
		      deviceNodes: [{path: /dev/nvidia0, hostPath: /dev/null}]
		      env: [FAKE_GPU=0]
		  - name: all
		    containerEdits:
		      deviceNodes: [{path: /dev/nvidia0, hostPath: /dev/null}]
		      env: [FAKE_GPU=all]
		containerEdits:
		  deviceNodes: [{path: /dev/nvidiactl, hostPath: /dev/null}]
	Y
}
