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
// "00000000:65:00.0": a domain has four digits, and more only where four do not suffice.
func Address(bus string) string {
	domain, rest, ok := strings.Cut(strings.ToLower(Cut(bus)), ":")
	if !ok {
		return domain
	}
	for len(domain) > 4 && domain[0] == '0' {
		domain = domain[1:]
	}
	return domain + ":" + rest
}
