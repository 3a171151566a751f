package policy

// Hypervisor is how the firmware's tables name a virtual machine.
type Hypervisor struct {
	// Text is what a DMI field begins with. Where Field is named, that field is Text
	// exactly: the vendor also makes machines.
	Text, Field string
	// Name is systemd-detect-virt's.
	Name   string
	Source string
	Date   string
}

// Hypervisors lists them in the order in which they are looked for.
func Hypervisors() []Hypervisor {
	const (
		source = "systemd src/basic/virt.c, dmi_vendor_table, commit 0099e5589762"
		board  = source + ": VirtualBox on some systems, by the board's vendor; Oracle makes servers too"
		hyperv = "systemd tells Hyper-V by CPUID; its firmware names product 'Virtual Machine' of Microsoft Corporation, whose real machines are 'Surface …'"
		date   = "2026-11-27"
	)
	return []Hypervisor{
		{"Virtual Machine", "product_name", "microsoft", hyperv, date},
		{"KVM", "", "kvm", source, date},
		{"OpenStack", "", "kvm", source, date},
		{"KubeVirt", "", "kvm", source, date},
		{"Amazon EC2", "", "amazon", source, date},
		{"QEMU", "", "qemu", source, date},
		{"VMware", "", "vmware", source, date},
		{"VMW", "", "vmware", source, date},
		{"innotek GmbH", "", "oracle", source, date},
		{"VirtualBox", "", "oracle", source, date},
		{"Oracle Corporation", "board_vendor", "oracle", board, date},
		{"Xen", "", "xen", source, date},
		{"Bochs", "", "bochs", source, date},
		{"Parallels", "", "parallels", source, date},
		{"BHYVE", "", "bhyve", source, date},
		{"Hyper-V", "", "microsoft", source, date},
		{"Apple Virtualization", "", "apple", source, date},
		{"Google Compute Engine", "", "google", source, date},
	}
}
