package unpack

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// umoci unpacks layers with umoci and returns the tree, or umoci's error.
func umoci(t *testing.T, layers [][]byte) (tree []string, failure string) {
	t.Helper()
	dir := t.TempDir()
	layout, bundle := filepath.Join(dir, "layout"), filepath.Join(dir, "bundle")
	writeLayout(t, layout, layers)
	out, err := exec.Command("umoci", "raw", "unpack", "--image", layout+":test", bundle).CombinedOutput()
	if err != nil {
		text := strings.TrimSpace(string(out))
		return nil, text[strings.LastIndex(text, "\n")+1:]
	}
	return snapshot(t, bundle), ""
}

func writeLayout(t *testing.T, dir string, layers [][]byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	blob := func(mediaType string, data []byte) map[string]any {
		sum := fmt.Sprintf("%x", sha256.Sum256(data))
		write("blobs/sha256/"+sum, data)
		return map[string]any{"mediaType": "application/vnd.oci.image." + mediaType, "digest": "sha256:" + sum, "size": len(data)}
	}
	encode := func(v any) []byte {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	descriptors, diffIDs := []any{}, []any{}
	for _, l := range layers {
		d := blob("layer.v1.tar", l)
		descriptors, diffIDs = append(descriptors, d), append(diffIDs, d["digest"])
	}
	config := blob("config.v1+json", encode(map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs},
	}))
	manifest := blob("manifest.v1+json", encode(map[string]any{"schemaVersion": 2, "config": config, "layers": descriptors}))
	manifest["annotations"] = map[string]string{"org.opencontainers.image.ref.name": "test"}
	write("index.json", encode(map[string]any{"schemaVersion": 2, "manifests": []any{manifest}}))
	write("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
}

// withoutNow blanks, in both trees, the times of directories that are from the
// run of umoci: those that no archive mentions, or that it forgot to set.
func withoutNow(theirs, ours []string, since time.Time) (a, b []string) {
	recent := map[string]bool{}
	cut := func(lines []string, note bool) (all []string) {
		for _, l := range lines {
			f := strings.SplitAfterN(l, " ", 5)
			if len(f) > 3 && strings.HasPrefix(f[1], "4") {
				var sec int64
				if _, err := fmt.Sscanf(f[3], "%d.", &sec); note && err == nil && sec >= since.Unix() {
					recent[f[0]] = true
				}
				if recent[f[0]] {
					f[3] = "recent"
				}
			}
			all = append(all, strings.Join(f, ""))
		}
		return all
	}
	return cut(theirs, true), cut(ours, false)
}
