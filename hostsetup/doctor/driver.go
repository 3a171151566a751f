package doctor

import "slices"

// driverChecks are of the kernel, its modules and the device nodes. What keeps a
// module from loading comes before the module that is not loaded, and that before
// all that needs one.
func driverChecks() []Check {
	return slices.Concat(bootChecks(), archChecks(), moduleChecks(), nextBootChecks(), fabricChecks(), lostChecks(), nodeChecks(), brokenChecks(), packageChecks())
}

// afterDriver are the causes that leave a host without a driver that answers; whatever
// asks the driver comes after them.
func afterDriver(more ...string) []string {
	return append([]string{"G004", "G005", "G006", "G008", "G001", "G002", "G019"}, more...)
}
