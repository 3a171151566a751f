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
		source = "systemd src/basic/virt.c, dmi_vendor_table"
		google = "systemd src/basic/virt.c, dmi_vendor_table; the Google Cloud docs name the product 'Google Compute Engine'"
		hyperv = "systemd src/basic/virt.c: Hyper-V says so by its product, Microsoft's own machines have the same vendor"
		date   = "2026-11-24"
	)
	return []Hypervisor{
		{"Virtual Machine", "product_name", "microsoft", hyperv, date},
		{"Google Compute Engine", "", "google", google, date},
		{"KVM", "", "kvm", source, date},
		{"OpenStack", "", "kvm", source, date},
		{"KubeVirt", "", "kvm", source, date},
		{"Amazon EC2", "", "amazon", source, date},
		{"QEMU", "", "qemu", source, date},
		{"VMware", "", "vmware", source, date},
		{"VMW", "", "vmware", source, date},
		{"innotek GmbH", "", "oracle", source, date},
		{"VirtualBox", "", "oracle", source, date},
		{"Xen", "", "xen", source, date},
		{"Bochs", "", "bochs", source, date},
		{"Parallels", "", "parallels", source, date},
		{"BHYVE", "", "bhyve", source, date},
		{"Hyper-V", "", "microsoft", source, date},
		{"Apple Virtualization", "", "apple", source, date},
	}
}
