package policy

// Generation is a family of GPUs by compute capability, From to To inclusive.
type Generation struct {
	Name     string
	From, To string
	// FirstCUDA and LastCUDA bound the toolkits whose libraries have code for it; "" is open.
	FirstCUDA, LastCUDA string
	// MinDriver is the lowest Linux driver that knows it, where that is newer than
	// what the first CUDA takes; "" otherwise.
	MinDriver string
	Source    string
	Date      string
}

// Generations lists GPU families, the oldest first.
func Generations() []Generation {
	const (
		dropped   = "CUDA 13.0 release notes: Maxwell, Pascal and Volta have no compiler and library support any more"
		added     = "CUDA release notes: architectures added by the toolkit"
		blackwell = "CUDA 12.8 release notes: Blackwell takes driver 570.26"
		thor      = "CUDA 13.0 release notes: sm_101 was renamed sm_110"
		date      = "2026-11-23"
	)
	return []Generation{
		{"Maxwell", "5.0", "5.3", "", "12.9", "", dropped, date},
		{"Pascal", "6.0", "6.2", "", "12.9", "", dropped, date},
		{"Volta", "7.0", "7.2", "", "12.9", "", dropped, date},
		{"Turing", "7.5", "7.5", "", "", "", added, date},
		{"Ampere", "8.0", "8.7", "", "", "", added, date},
		{"Ada", "8.9", "8.9", "11.8", "", "", added, date},
		{"Hopper", "9.0", "9.0", "11.8", "", "", added, date},
		{"Blackwell", "10.0", "10.9", "12.8", "", "570.26", blackwell, date},
		{"Blackwell (Thor)", "11.0", "11.9", "13.0", "", "580.65.06", thor, date},
		{"Blackwell", "12.0", "12.9", "12.8", "", "570.26", blackwell, date},
	}
}
