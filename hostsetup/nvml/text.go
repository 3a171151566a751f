package nvml

import "strings"

// longest is what a name or an error text of the driver is cut to, in bytes.
const longest = 256

// Cut shortens a text of a driver or a machine to what a name can be, in whole runes.
func Cut(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > longest {
		s = s[:longest]
	}
	return strings.ToValidUTF8(s, "")
}

// Address is a PCI address as the kernel writes it, "0000:65:00.0", from NVML's
// "00000000:65:00.0": a domain of eight digits is cut to four where four suffice.
func Address(bus string) string {
	bus = strings.ToLower(Cut(bus))
	domain, rest, ok := strings.Cut(bus, ":")
	if ok && len(domain) == 8 && strings.HasPrefix(domain, "0000") {
		return domain[4:] + ":" + rest
	}
	return bus
}
