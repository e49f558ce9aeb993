package vzstack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract/fake"
	"vz.internal/vzstack/compose"
	"vz.internal/vzstack/plan"
)

// hundred is a file with 100 services, ten of them in a chain.
func hundred() string {
	var text strings.Builder
	text.WriteString("services:\n")
	for i := range 100 {
		fmt.Fprintf(&text, "  s%d: {%s, environment: {A: b}, ports: ['80']", i, daemon)
		if i > 0 && i < 10 {
			fmt.Fprintf(&text, `, depends_on: [s%d]`, i-1)
		}
		text.WriteString("}\n")
	}
	return text.String()
}

// BenchmarkHundred measures what vzstack itself costs, with a backend in memory.
func BenchmarkHundred(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "shop")
	require.NoError(b, os.MkdirAll(dir, 0o700))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(hundred()), 0o600))
	backend := fake.New()
	defer backend.Close()
	s := New(Config{Backend: backend, Images: backend, Home: b.TempDir()})
	p, err := compose.Load(b.Context(), compose.Source{Dir: dir})
	require.NoError(b, err)
	_, err = s.Up(b.Context(), p, UpOptions{})
	require.NoError(b, err)
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			_, err := compose.Load(b.Context(), compose.Source{Dir: dir})
			require.NoError(b, err)
		}
	})
	b.Run("translate", func(b *testing.B) {
		for b.Loop() {
			_, err := p.Desired(b.Context(), s.Host("shop"))
			require.NoError(b, err)
		}
	})
	d, err := p.Desired(b.Context(), s.Host("shop"))
	require.NoError(b, err)
	b.Run("plan", func(b *testing.B) {
		have, err := s.observe(b.Context(), d)
		require.NoError(b, err)
		for b.Loop() {
			made, err := plan.Make(d, have, plan.Options{})
			require.NoError(b, err)
			require.True(b, made.Empty())
		}
	})
	b.Run("no-op up", func(b *testing.B) {
		for b.Loop() {
			_, err := s.Up(b.Context(), p, UpOptions{})
			require.NoError(b, err)
		}
	})
}
