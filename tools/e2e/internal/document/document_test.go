package document

import (
	"strings"
	"testing"
)

const page = "# Title\n\n<!-- file: compose.yaml -->\n```yaml\nservices: {}\n```\n\n```console\n# vz ps \\\n  -a\nCONTAINER ID\n$ true\n```\n\n" +
	"<!-- not run: needs a terminal -->\n\n```console\n# vz attach x\n```\n\n```go\nvar x int\n```\n"

func TestParse(t *testing.T) {
	steps, err := Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	want := []Step{
		{File: "compose.yaml", Text: "services: {}\n"},
		{Command: "vz ps \\\n  -a", Output: []string{"CONTAINER ID"}},
		{Command: "true"},
		{Command: "vz attach x", NotRun: "needs a terminal"},
	}
	if len(steps) != len(want) {
		t.Fatalf("%d steps, want %d: %+v", len(steps), len(want), steps)
	}
	for i, s := range steps {
		w := want[i]
		if s.Command != w.Command || s.File != w.File || s.Text != w.Text || s.NotRun != w.NotRun || strings.Join(s.Output, "|") != strings.Join(w.Output, "|") {
			t.Errorf("step %d = %+v, want %+v", i, s, w)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"```sh\nvz ps\n```\n":           "line 1: a block of language \"sh\" is not run",
		"text\n\n    vz ps -a\n":        "line 3: a command in an indented block",
		"```console\nno command\n```\n": "line 2: the block begins with no command",
		"```console\n# true\n":          "line 1: the block has no end",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) error = %v, want %q", text, err, want)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		want, got string
		same      bool
	}{
		{"", "", true},
		{"181574caea52 Up 2 seconds", "0123456789ab   Up Less than a second\n", true},
		{"web 127.0.0.1:8080", "web 127.0.0.1:8081\n", false},
		{`{"exitCode":3,"tookMs":4.2}`, `{"exitCode":3,"tookMs":11}` + "\n", true},
		{`{"exitCode":3,"tookMs":4.2}`, `{"exitCode":4,"tookMs":4.2}` + "\n", false},
		{"127.0.0.1:38907", "127.0.0.1:40001\n", true},
		{"a\n...\nz", "a\nb\nc\nz\n", true},
		{"a\n...\nz", "a\nb\nc\n", false},
		{"a", "a\nb\n", false},
		{"a", "", false},
		{"", "a\n", false},
	} {
		var want []string
		if tt.want != "" {
			want = strings.Split(tt.want, "\n")
		}
		if err := Compare(want, tt.got); (err == nil) != tt.same {
			t.Errorf("Compare(%q, %q) = %v, want same = %v", tt.want, tt.got, err, tt.same)
		}
	}
}

func TestRewrite(t *testing.T) {
	steps, err := Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	got := Rewrite(page, steps, map[int]string{1: "NEW\nLINES\n", 2: "yes\n"})
	want := strings.Replace(strings.Replace(page, "CONTAINER ID\n", "NEW\nLINES\n", 1), "$ true\n", "$ true\nyes\n", 1)
	if got != want {
		t.Errorf("Rewrite = %q, want %q", got, want)
	}
}
