package main

import (
	"slices"
	"strings"
	"testing"
)

func TestRepoName(t *testing.T) {
	for module, want := range map[string]string{
		"github.com/vishvananda/netlink":         "com_github_vishvananda_netlink",
		"golang.org/x/sys":                       "org_golang_x_sys",
		"mvdan.cc/sh/v3":                         "cc_mvdan_sh_v3",
		"github.com/Azure/go-ansiterm":           "com_github_azure_go_ansiterm",
		"gopkg.in/yaml.v3":                       "in_gopkg_yaml_v3",
		"github.com/google/go-containerregistry": "com_github_google_go_containerregistry",
	} {
		if got := RepoName(module); got != want {
			t.Errorf("RepoName(%q) = %q, want %q", module, got, want)
		}
	}
}

const bazel = `module(name = "vz")
use_repo(
    go_deps,
    "com_github_a_b",
    "org_golang_x_sys",
)
`

func TestCompareAndReplace(t *testing.T) {
	got, err := used(bazel)
	if err != nil || !slices.Equal(got, []string{"com_github_a_b", "org_golang_x_sys"}) {
		t.Fatalf("used = %q, %v", got, err)
	}
	if err := compare(got, got); err != nil {
		t.Errorf("compare of equal lists = %v", err)
	}
	err = compare(got, []string{"org_golang_x_sys", "com_github_c"})
	if err == nil || !strings.Contains(err.Error(), "missing com_github_c") || !strings.Contains(err.Error(), "com_github_a_b is no direct") {
		t.Errorf("compare = %v, want both differences named", err)
	}
	text, err := replace(bazel, []string{"x"})
	if err != nil || text != "module(name = \"vz\")\nuse_repo(\n    go_deps,\n    \"x\",\n)\n" {
		t.Errorf("replace = %q, %v", text, err)
	}
	if _, err := used("module()"); err == nil {
		t.Error("a file without use_repo passes")
	}
}
