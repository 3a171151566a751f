package doctor

import "github.com/dockergpu/docker-gpu/hostsetup/host"

// What the checks make of facts and package setup plans by too.

// InstalledDriver is the version of the driver that is loaded, else of that on disk, "" if
// there is none.
func InstalledDriver(h *host.Host) string { return installedVersion(h) }

// DriverFlavour is the branch and its suffixes as Ubuntu's archive names them,
// "580-server-open"; "" where the driver is not from there.
func DriverFlavour(h *host.Host) string { return driverFlavour(h) }

// DriverPackages are the installed packages of the driver.
func DriverPackages(h *host.Host) []host.Package { return driverPackages(h) }

// HasScreen says whether screens hang on the GPUs, and not on data-centre cards.
func HasScreen(h *host.Host) bool { return hasScreen(h) }
