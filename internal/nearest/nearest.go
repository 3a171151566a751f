// Package nearest finds the word that somebody meant.
package nearest

// Word is the known word that differs from one in at most two letters and shares one
// with it, "" if none does. fold makes words comparable, such as strings.ToUpper; nil
// compares them as they are.
func Word(word string, known []string, fold func(string) string) string {
	if fold == nil {
		fold = func(s string) string { return s }
	}
	best, least := "", 3
	want := []rune(fold(word))
	for _, k := range known {
		have := []rune(fold(k))
		longer := max(len(want), len(have))
		if longer-min(len(want), len(have)) >= least {
			continue
		}
		if d := distance(want, have); d < least && d < longer {
			best, least = k, d
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
