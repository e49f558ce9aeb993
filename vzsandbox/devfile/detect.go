package devfile

import (
	"os"
	"path/filepath"
	"regexp"
)

// Detect looks at a project and returns a file for it, and in words what it
// found there: "Go (go.mod)", or "" where it knows nothing.
func Detect(dir string) (f File, found string) {
	f.fill()
	for _, language := range languages() {
		for _, mark := range language.marks {
			if info, err := os.Stat(filepath.Join(dir, mark)); err != nil || !info.Mode().IsRegular() {
				continue
			}
			f.Image = language.image + ":" + language.version(dir)
			return f, language.name + " (" + mark + ")"
		}
	}
	return f, ""
}

// A language is known by files. Its official image has the tag that a project
// pins in one of the files of pins, else the one given here.
type language struct {
	name       string
	marks      []string
	image, tag string
	pins       []pin
}

type pin struct {
	file    string
	version string // a regular expression whose first group is the tag
}

func languages() []language {
	return []language{
		{"Go", []string{"go.mod"}, "golang", "1", []pin{
			{"go.mod", `(?m)^go (1\.\d{1,3})\b`},
		}},
		{"Rust", []string{"Cargo.toml"}, "rust", "1", []pin{
			{"rust-toolchain.toml", `(?m)^\s*channel\s*=\s*"(1\.\d{1,3}(?:\.\d{1,3})?)"`},
			{"rust-toolchain", `\A(1\.\d{1,3}(?:\.\d{1,3})?)\s*\z`},
		}},
		{"Node.js", []string{"package.json"}, "node", "lts", []pin{
			{".nvmrc", `\Av?(\d{1,3})(?:\.\d+){0,2}\s*\z`},
			{".node-version", `\Av?(\d{1,3})(?:\.\d+){0,2}\s*\z`},
		}},
		{"Python", []string{"pyproject.toml", "requirements.txt", "setup.py"}, "python", "3", []pin{
			{".python-version", `\A(3\.\d{1,3})(?:\.\d+)?\s*\z`},
		}},
	}
}

func (l language) version(dir string) string {
	for _, p := range l.pins {
		text, err := os.ReadFile(filepath.Join(dir, p.file))
		if err != nil {
			continue // a pin is optional
		}
		if m := regexp.MustCompile(p.version).FindSubmatch(text); m != nil {
			return string(m[1])
		}
	}
	return l.tag
}
