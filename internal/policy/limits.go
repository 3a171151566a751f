package policy

import "regexp"

// Limits are what a GPU's readings are judged by. Where no vendor gives a number it is
// our own judgement, and says so.
const (
	// SlowdownMargin is how near, in degrees Celsius, a GPU may come to the temperature
	// at which it slows itself down. Ours; leptonai/gpud warns at a margin too, which its user sets.
	SlowdownMargin = 5
	// FanOffHot is the temperature from which a fan that stands still is wrong: cards
	// that stop their fans when idle start them at about 60 °C. Ours.
	FanOffHot = 70
	// ReplaysPerHour is the rate of PCIe replays over the machine's uptime from which a
	// link is poor: a few at start and now and then are normal. Ours.
	ReplaysPerHour = 60
	// NVLinkErrors is the count of errors of one link since the driver was loaded from
	// which it is poor: links correct single ones. Ours.
	NVLinkErrors = 1000
	// RetiredPages is the number of retired pages from which NVIDIA takes a card back,
	// before Ampere. Source: azurehpc-health-checks check_gpu_ecc (62 and more), 2026-11-23.
	RetiredPages = 62
	// BusyGPU is the utilisation in percent from which a link runs at its full generation. Ours.
	BusyGPU = 50
	// OrphanMemory is what may be in use with no program to be seen, in bytes, beside a
	// twentieth of the GPU's memory, which the driver may keep for itself. Ours.
	OrphanMemory = 2 << 30
	// HottestReading and PowerReading are over all that a GPU can be, in degrees and
	// watts: more is no reading. Ours; broken GPUs were seen to report the largest
	// integer (huggingface/gpu-fryer pull request 11).
	HottestReading = 150
	PowerReading   = 5000
)

var dataCentre = regexp.MustCompile(`(?i)\btesla\b|\b(V100S?|P100|P40|P4|T4G?|A100X?|A800|A30X?|A40|A10[GM]?|A16|A2|H100|H200|H20|H800|GH200|B100|B200|B300|GB200|GB300|L2|L4|L20|L40[SG]?)\b`)

// DataCentre says whether a GPU, named as NVML does, is made for data centres: its
// memory has ECC, which is on as it is delivered.
// Source: docs.nvidia.com/datacenter/tesla/drivers, supported products, 2026-11-23.
func DataCentre(name string) bool { return dataCentre.MatchString(name) }
