package images

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// suite is the Debian that the images hold.
const suite = "bookworm"

// defaultMirror serves hosts whose apt knows no mirror of the suite.
const defaultMirror = "http://deb.debian.org/debian"

// mirror returns the mirror of suite that the host's apt is set to.
func mirror(etc string) string {
	list, _ := filepath.Glob(filepath.Join(etc, "sources.list.d", "*"))
	for _, file := range append([]string{filepath.Join(etc, "sources.list")}, list...) {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		find := oneLine
		if strings.HasSuffix(file, ".sources") {
			find = deb822
		}
		if uri := find(string(text)); uri != "" {
			return uri
		}
	}
	return defaultMirror
}

var optionsPattern = regexp.MustCompile(`\[[^]]*\]`)

// oneLine reads the old format: "deb [options] URI suite component…".
func oneLine(text string) string {
	for line := range strings.Lines(text) {
		f := strings.Fields(optionsPattern.ReplaceAllString(line, ""))
		if len(f) >= 4 && f[0] == "deb" && f[2] == suite && slices.Contains(f[3:], "main") {
			return f[1]
		}
	}
	return ""
}

// deb822 reads the new format: stanzas of "Key: values".
func deb822(text string) string {
	for stanza := range strings.SplitSeq(text, "\n\n") {
		fields := map[string][]string{}
		for line := range strings.Lines(stanza) {
			if key, values, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, "#") {
				fields[key] = strings.Fields(values)
			}
		}
		if slices.Contains(fields["Suites"], suite) && slices.Contains(fields["Components"], "main") && len(fields["URIs"]) > 0 {
			return fields["URIs"][0]
		}
	}
	return ""
}
