package policy

import "strconv"

// Arch is a GPU architecture, in the order in which they came.
type Arch int

const (
	UnknownArch Arch = iota
	Older            // than Kepler
	Kepler
	Maxwell
	Pascal
	Volta
	Turing
	Ampere
	Ada
	Hopper
	Blackwell
)

func (a Arch) String() string {
	names := []string{"unknown", "older than Kepler", "Kepler", "Maxwell", "Pascal", "Volta", "Turing", "Ampere", "Ada", "Hopper", "Blackwell"}
	if a < 0 || int(a) >= len(names) {
		return names[UnknownArch]
	}
	return names[a]
}

// PCIRange is a range of PCI device ids of NVIDIA's (vendor 10de), both ends included.
type PCIRange struct {
	From, To uint16
	Arch     Arch
	Source   string
	Date     string
}

// PCIRanges are the ids of GPUs, in order. NVIDIA gives each chip a block of 64 or
// 128; ids in no block are unknown, never guessed. Ids of bridges lie between them:
// look at the PCI class first.
func PCIRanges() []PCIRange {
	const (
		ids   = "pci.ids 2023.04.10 of pci-ids.ucw.cz: from the first to the last id of the chips named beside it"
		open  = "Compatible GPUs of github.com/NVIDIA/open-gpu-kernel-modules README.md, and " + ids
		admin = "github.com/NVIDIA/gpu-admin-tools gpu/devid_chips.py, commit 0637bd95c37f"
		spark = "pci.ids of 2026: GB20B [GB10] 2e12, [RTX Spark N1X] 2e03 and 2e06, [Desktop Device] 2e13"
		date  = "2026-11-27"
	)
	return []PCIRange{
		{0x0020, 0x0fbf, Older, ids, date},
		{0x0fc0, 0x103f, Kepler, ids, date},      // GK107, GK110
		{0x1040, 0x117f, Older, ids, date},       // GF119, GF114, GF106 and their like
		{0x1180, 0x11ff, Kepler, ids, date},      // GK104, GK106
		{0x1200, 0x127f, Older, ids, date},       // GF114, GF116
		{0x1280, 0x12ff, Kepler, ids, date},      // GK208
		{0x1340, 0x143f, Maxwell, ids, date},     // GM107, GM108, GM204, GM206
		{0x15f0, 0x15ff, Pascal, ids, date},      // GP100
		{0x1617, 0x171f, Maxwell, ids, date},     // GM204
		{0x1720, 0x173f, Pascal, ids, date},      // GP100
		{0x1740, 0x17ff, Maxwell, ids, date},     // GM108, GM107, GM200
		{0x1b00, 0x1d7f, Pascal, ids, date},      // GP102 to GP108
		{0x1d80, 0x1dff, Volta, ids, date},       // GV100
		{0x1e00, 0x1fff, Turing, open, date},     // TU102, TU104, TU106, TU117
		{0x2080, 0x20ff, Ampere, open, date},     // GA100
		{0x2180, 0x21ff, Turing, open, date},     // TU116
		{0x2200, 0x227f, Ampere, open, date},     // GA102
		{0x2300, 0x237f, Hopper, open, date},     // GH100
		{0x2400, 0x25ff, Ampere, open, date},     // GA103, GA104, GA106, GA107
		{0x2680, 0x28ff, Ada, open, date},        // AD102 to AD107
		{0x2900, 0x29ff, Blackwell, admin, date}, // GB100, GB102
		{0x2b80, 0x2c7f, Blackwell, admin, date}, // GB202, GB203
		{0x2d00, 0x2dff, Blackwell, admin, date}, // GB206, GB207
		{0x2e00, 0x2e3f, Blackwell, spark, date}, // GB20B
		{0x2f00, 0x2f7f, Blackwell, admin, date}, // GB205
		{0x3180, 0x327f, Blackwell, admin, date}, // GB110, GB112
	}
}

// ArchOfPCI is the architecture of a PCI device id as sysfs has it, "2335".
func ArchOfPCI(device string) Arch {
	n, err := strconv.ParseUint(device, 16, 16)
	if err != nil {
		return UnknownArch
	}
	for _, r := range PCIRanges() {
		if uint16(n) >= r.From && uint16(n) <= r.To {
			return r.Arch
		}
	}
	return UnknownArch
}
