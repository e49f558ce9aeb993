package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the expected output in the scripts")

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"vz-vm": main}) }

func TestScript(t *testing.T) {
	image, err := restoreImage()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("VZ_HOME", e.WorkDir+"/home")
			e.Setenv("VZ_RUN", e.WorkDir+"/run")
			e.Setenv("CI", "")
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/mac.ipsw" {
					http.NotFound(w, r)
					return
				}
				http.ServeContent(w, r, "mac.ipsw", time.Time{}, bytes.NewReader(image))
			}))
			e.Defer(server.Close)
			return describe(e, server.URL, image)
		},
	})
}

// restoreImage is what vz takes for a restore image, without macOS in it.
func restoreImage() ([]byte, error) {
	const manifest = `<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>
		<key>ProductVersion</key><string>15.6.1</string><key>ProductBuildVersion</key><string>24G90</string>
		<key>SupportedProductTypes</key><array><string>VirtualMac2,1</string></array></dict></plist>`
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	part, err := w.Create("BuildManifest.plist")
	if err == nil {
		_, err = part.Write([]byte(manifest))
	}
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

// describe fills in what the descriptor files of a script cannot know.
func describe(e *testscript.Env, url string, image []byte) error {
	files, err := filepath.Glob(filepath.Join(e.WorkDir, "*.json"))
	if err != nil {
		return err
	}
	fill := strings.NewReplacer("URL", url, "SHA256", fmt.Sprintf("%x", sha256.Sum256(image)), "SIZE", fmt.Sprint(len(image)))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(fill.Replace(string(text))), 0o600); err != nil {
			return err
		}
	}
	return nil
}
