package unpack

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"vz.internal/vzcontract"
)

// FuzzApply applies any bytes on top of a layer with symbolic links that lead
// out. Nothing outside may change; an error leaves nothing behind; what it
// makes is a layer that overlayfs takes and that can be removed.
func FuzzApply(f *testing.F) {
	for _, tt := range corpus {
		data := archive(f, tt.layers[len(tt.layers)-1]...)
		if tt.raw != nil {
			data = tt.raw(data)
		}
		if len(data) < 64<<10 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		base := t.TempDir()
		dirs := map[string]string{}
		for _, name := range []string{"outside", "lower", "upper"} {
			dirs[name] = filepath.Join(base, name)
			if err := os.Mkdir(dirs[name], 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dirs["outside"], "canary"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		below := archive(t, symlink("a", "../outside"), symlink("s", dirs["outside"]), file("d/a", "x"), file("d/e/f", "x"))
		if _, err := Apply(t.Context(), dirs["lower"], bytes.NewReader(below), Options{}); err != nil {
			t.Fatal(err)
		}
		before := append(snapshot(t, dirs["outside"]), snapshot(t, dirs["lower"])...)
		_, err := Apply(t.Context(), dirs["upper"], bytes.NewReader(data), Options{
			Lowers: []string{dirs["lower"]}, Limits: Limits{Bytes: 1 << 20, Entries: 100},
		})
		if after := append(snapshot(t, dirs["outside"]), snapshot(t, dirs["lower"])...); !slices.Equal(before, after) {
			t.Errorf("changed outside of the layer: %q, was %q", after, before)
		}
		if err == nil {
			return
		}
		if !errors.Is(err, vzcontract.ErrValidation) {
			t.Errorf("error %v is no validation error", err)
		}
		if left := names(snapshot(t, dirs["upper"])); left != "" {
			t.Errorf("left behind: %s", left)
		}
	})
}
