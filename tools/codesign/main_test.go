package main

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// script writes a program that any Unix runs.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRunSignsAndThenRuns(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	signer := script(t, `echo "$@" >`+log+"\n")
	program := script(t, `echo run "$@" >>`+log+"\nexit 3\n")
	code, err := run(signer, []string{program, "a", "b"}, false)
	if err != nil || code != 3 {
		t.Errorf("run = %d, %v, want 3", code, err)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	signed, ran, _ := strings.Cut(string(text), "\n")
	if !strings.HasPrefix(signed, "--force --sign - --entitlements /") || !strings.HasSuffix(signed, "/entitlements/vz.entitlements "+program) {
		t.Errorf("signed by %q", signed)
	}
	if ran != "run a b\n" {
		t.Errorf("it ran %q", ran)
	}
	if code, err := run(signer, []string{program}, true); code != 0 || err != nil {
		t.Errorf("run -only = %d, %v", code, err)
	}
}

func TestRunDoesNotRunWhatIsNotSigned(t *testing.T) {
	_, err := run(script(t, "echo no identity >&2; exit 1\n"), []string{script(t, "exit 0\n")}, false)
	if err == nil || !strings.Contains(err.Error(), "no identity") {
		t.Errorf("run = %v", err)
	}
}

// TestEntitlements: the file is a property list that grants virtualisation and nothing else.
func TestEntitlements(t *testing.T) {
	path, err := entitlements()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Dict struct {
			Keys  []string   `xml:"key"`
			Trues []struct{} `xml:"true"`
		} `xml:"dict"`
	}
	if err := xml.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	if k := list.Dict.Keys; len(k) != 1 || k[0] != "com.apple.security.virtualization" || len(list.Dict.Trues) != 1 {
		t.Errorf("it grants %q", k)
	}
}
