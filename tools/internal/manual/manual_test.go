package manual

import "testing"

func TestText(t *testing.T) {
	for source, want := range map[string]string{
		"// Command x does.\n//\n//\tx FILE\npackage main\n": "Command x does.\n\n\tx FILE\n",
		"package main\n": "",
		"no Go":          "",
	} {
		if got := Text(source); got != want {
			t.Errorf("Text(%q) = %q, want %q", source, got, want)
		}
	}
}
