package daemonjson

import (
	"testing"

	"gotest.tools/v3/assert"
)

// As dockerd reads it; what it does not read is refused with its place.
func TestRead(t *testing.T) {
	for text, says := range map[string]string{
		"": "", " \r\n\t": "", "null": "", "{}": "", "\xef\xbb\xbf{}\n": "", "\xef\xbb\xbf": "", `{"a": 1, "a": 2}`: "",
		"{\"a\": \"é\xff\"}":            "line 1, column 9: the byte 0xff is not UTF-8",
		"{\n\xef\xbb\xbf}":              "line 2, column 1: invalid character '\\ufeff' looking for beginning of object key string",
		"\xff\xfe{\x00}\x00":            "it is written in UTF-16: save it as UTF-8",
		"\xfe\xff\x00{\x00}":            "it is written in UTF-16: save it as UTF-8",
		"{\"\uFFFD\": 1,}":              "line 1, column 9: there is a comma before '}', with nothing behind it",
		"{} {}":                         "line 1, column 4: text follows the end of the object",
		"null x":                        "line 1, column 6: text follows the end of the object",
		"{}\n  // x":                    "line 2, column 3: there is a comment behind the end of the object, and dockerd takes none: move it elsewhere",
		"{\n/* x */}":                   "line 2, column 1: there is a comment, and dockerd takes none: move it elsewhere",
		"{\"a\": /1}":                   "line 1, column 7: invalid character '/' looking for beginning of value",
		"\"text\"":                      "line 1, column 1: there is a text where an object belongs: make it {} or take it out",
		"\n-1":                          "line 2, column 1: there is a number where an object belongs: make it {} or take it out",
		"false":                         "line 1, column 1: there is true or false where an object belongs: make it {} or take it out",
		"{\"a\": \"\x1b[2J\"}":          "line 1, column 8: invalid character '\\x1b' in string literal",
		"\u00a0{}":                      "line 1, column 1: invalid character '\\u00a0' looking for beginning of value",
		"{\"a\": 01}":                   "line 1, column 8: invalid character '1' after object key:value pair",
		"{\"\\ud800\": \"\\udfff\\q\"}": "line 1, column 20: invalid character 'q' in string escape code",
	} {
		_, err := Read([]byte(text))
		if says == "" {
			assert.NilError(t, err, "%q", text)
			continue
		}
		assert.Error(t, err, says)
	}
	all, err := Read([]byte("\xef\xbb\xbf{\"a\": {\"b\" : 1.0}}"))
	assert.NilError(t, err)
	assert.Equal(t, string(all["a"]), `{"b" : 1.0}`)
}
