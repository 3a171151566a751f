package policy

import "slices"

// ContainerManagers are the names that container managers leave in /run/host/container-manager,
// /run/systemd/container or the variable "container" of the first process, and by which
// systemd-detect-virt tells them.
// Source: systemd src/basic/virt.c, container_table and virtualization_table, commit
// 0099e5589762. Date: 2026-11-27.
func ContainerManagers() []string {
	return []string{"docker", "lxc", "lxc-libvirt", "openvz", "podman", "pouch", "proot", "rkt", "systemd-nspawn"}
}

// ContainerOther is systemd's word for a container of a manager that is not known.
const ContainerOther = "container-other"

// ContainerManager is the word for a name that a manager left: its own, or ContainerOther.
func ContainerManager(name string) string {
	if slices.Contains(ContainerManagers(), name) {
		return name
	}
	return ContainerOther
}
