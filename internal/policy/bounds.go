package policy

// Bounds are what a reading of a GPU can be. A broken card or driver may answer
// without an error and tell nonsense (2^64-1 degrees): what is out of bounds is not
// taken for a fact.
type Bounds struct {
	Unit     string
	Min, Max float64 // inclusive
	Source   string
	Date     string
}

// Hold says whether a reading can be true; no number (NaN) cannot.
func (b Bounds) Hold(v float64) bool { return v >= b.Min && v <= b.Max }

const (
	boundsSource = "far beyond what NVIDIA's data sheets name, near enough to catch numbers that went round"
	boundsDate   = "2026-11-24"
)

// TemperatureBounds: GPUs shut down below 110 °C; gpu-fryer#11 saw usize::MAX.
func TemperatureBounds() Bounds { return Bounds{"°C", -60, 200, boundsSource, boundsDate} }

// PowerBounds: the largest boards take some 1.5 kW, a module of two with its CPU 2.7 kW.
func PowerBounds() Bounds { return Bounds{"W", 0, 10_000, boundsSource, boundsDate} }

// ClockBounds: the fastest memory clocks are some 14 GHz.
func ClockBounds() Bounds { return Bounds{"MHz", 0, 50_000, boundsSource, boundsDate} }

// PercentBounds are those of a share of time.
func PercentBounds() Bounds { return Bounds{"%", 0, 100, boundsSource, boundsDate} }

// FanBounds: NVML says that a fan may turn faster than its 100 %.
func FanBounds() Bounds {
	return Bounds{"%", 0, 200, "nvmlDeviceGetFanSpeed_v2 in " + nvmlHeader, boundsDate}
}

// TurnBounds are those of a fan's turns per minute.
func TurnBounds() Bounds { return Bounds{"RPM", 0, 100_000, boundsSource, boundsDate} }

// MemoryBounds: 16 TiB.
func MemoryBounds() Bounds { return Bounds{"bytes", 0, 1 << 44, boundsSource, boundsDate} }

// GenBounds are those of a PCIe generation; 0 is a link that is down.
func GenBounds() Bounds { return Bounds{"", 0, 12, boundsSource, boundsDate} }

// WidthBounds are those of the lanes of a PCIe link.
func WidthBounds() Bounds { return Bounds{"lanes", 0, 64, boundsSource, boundsDate} }

// CountBounds are those of a counter of errors: one that passes it counts nothing.
func CountBounds() Bounds { return Bounds{"", 0, 1e15, boundsSource, boundsDate} }

// DurationBounds: 20 years in nanoseconds.
func DurationBounds() Bounds {
	return Bounds{"ns", 0, 20 * 365 * 24 * 3600 * 1e9, boundsSource, boundsDate}
}
