package doctor

import "slices"

// All are the checks, causes before what follows from them.
func All() []Check {
	return slices.Concat(driverChecks(), healthChecks(), toolkitChecks(), engineChecks(), versionChecks())
}
