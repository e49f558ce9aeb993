package manual

import (
	"os/exec"
	"strings"
	"testing"
)

func TestPagesOfEveryCommand(t *testing.T) {
	pages, err := Pages("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range programs() {
		for _, c := range listed(p) {
			if pages[pageName(p.Name+" "+c.Name)+".1"] == "" {
				t.Errorf("%s %s has no page", p.Name, c.Name)
			}
		}
	}
	for page, want := range map[string]string{
		"vz-run.1":      `\fB\-e, \-\-env=KEY[=VALUE]\fR`,
		"vz.1":          `\fBvz\-volume\-ls(1)\fR`,
		"vz-stack.1":    "project\\-name NAME",
		"vz-stack-up.1": "vz stack up",
		"vz-vm-run.1":   "Also: vz vm start",
	} {
		if !strings.Contains(pages[page], want) {
			t.Errorf("%s lacks %q", page, want)
		}
	}
	for name, text := range pages {
		if strings.Contains(text, "internal monitor") {
			t.Errorf("%s names a hidden command", name)
		}
	}
}

// TestPagesAreCleanRoff has groff read every page.
func TestPagesAreCleanRoff(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed")
	}
	pages, err := Pages("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, text := range pages {
		all.WriteString(text)
	}
	cmd := exec.Command(groff, "-man", "-Tutf8", "-ww", "-z")
	cmd.Stdin = strings.NewReader(all.String())
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("groff: %v: %s", err, out)
	}
}

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "plain", "--flag": `\-\-flag`, ".TH x": `\&.TH x`, `a\n`: `a\en`, "it's": `it\(aqs`, "'br": `\(aqbr`,
	} {
		if got := escape(text); got != want {
			t.Errorf("escape(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestReference(t *testing.T) {
	t.Setenv("COLUMNS", "") // kong would wrap to it
	text, err := Reference()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\n### vz run\n", "\n## vz stack\n", "--publish", "\n### vz vm init\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the reference lacks %q", want)
		}
	}
}
