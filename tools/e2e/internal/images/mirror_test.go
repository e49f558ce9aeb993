package images

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMirror(t *testing.T) {
	tests := []struct {
		name, file, text, want string
	}{
		{name: "none", file: "sources.list", want: defaultMirror},
		{name: "one line", file: "sources.list", text: "deb [arch=amd64 signed-by=/k] http://a.example/debian bookworm main\n", want: "http://a.example/debian"},
		{name: "another suite", file: "sources.list", text: "deb http://a.example/debian trixie main\n", want: defaultMirror},
		{name: "comment", file: "sources.list", text: "# deb http://a.example/debian bookworm main\n", want: defaultMirror},
		{
			name: "deb822", file: "sources.list.d/debian.sources",
			text: "Types: deb\nURIs: http://s.example/security\nSuites: bookworm-security\nComponents: main\n\n" +
				"Types: deb\n# URIs: http://no\nURIs: http://b.example/debian\nSuites: bookworm bookworm-updates\nComponents: main contrib\n",
			want: "http://b.example/debian",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			etc := t.TempDir()
			if err := os.Mkdir(filepath.Join(etc, "sources.list.d"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(etc, tt.file), []byte(tt.text), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := mirror(etc); got != tt.want {
				t.Errorf("mirror = %q, want %q", got, tt.want)
			}
		})
	}
}
