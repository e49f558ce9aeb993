package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"vz.internal/tools/internal/workspace"
)

const unreleased = "## [Unreleased]\n"

// release sets the version everywhere, tidies, dates the changelog, and makes
// one commit with a tag for each published module.
func release(w *workspace.Workspace, version string) error {
	if !semver.IsValid(version) || semver.Canonical(version) != version {
		return fmt.Errorf("%q is no version: want v1.2.3", version)
	}
	if semver.Major(version) != "v0" && semver.Major(version) != "v1" {
		return errors.New("from v2 on the module paths need a suffix: rename them first")
	}
	old, err := released(w)
	if err != nil {
		return err
	}
	if status, err := git(w.Root, "status", "--porcelain"); err != nil || status != "" {
		return errors.Join(err, errors.New("the work tree has changes: commit them first"))
	}
	if tag := w.Published()[0].Name + "/" + version; tagExists(w, tag) {
		return fmt.Errorf("the tag %s exists", tag)
	}
	if semver.Compare(version, old) < 0 {
		return fmt.Errorf("%s is older than %s", version, old)
	}
	if err := setVersion(w, version); err != nil {
		return err
	}
	if err := dateChangelog(w.Root, version, time.Now()); err != nil {
		return err
	}
	again, err := workspace.Load(w.Root)
	if err != nil {
		return err
	}
	if err := tidyAll(again, writeBack); err != nil {
		return err
	}
	if _, err := git(w.Root, "commit", "-qam", "workspace: release "+version); err != nil {
		return err
	}
	for _, m := range w.Published() {
		if _, err := git(w.Root, "tag", "-a", "-m", m.Name+" "+version, m.Name+"/"+version); err != nil {
			return err
		}
	}
	fmt.Printf("released %s: %d tags on one commit; push them with git push --follow-tags\n", version, len(w.Published()))
	return nil
}

func tagExists(w *workspace.Workspace, tag string) bool {
	_, err := git(w.Root, "rev-parse", "-q", "--verify", "refs/tags/"+tag)
	return err == nil
}

func setVersion(w *workspace.Workspace, version string) error {
	for _, m := range w.Modules {
		for _, r := range m.Mod.Require {
			if w.Sibling(r.Mod.Path) == nil {
				continue
			}
			if err := m.Mod.AddRequire(r.Mod.Path, version); err != nil {
				return err
			}
		}
		m.Mod.Cleanup()
		data, err := m.Mod.Format()
		if err != nil {
			return err
		}
		if err := writeChanged(m.File(), data); err != nil {
			return err
		}
	}
	var replaced []modfile.Replace // values, since dropping one clears it
	for _, r := range w.Work.Replace {
		if w.Sibling(r.Old.Path) != nil {
			replaced = append(replaced, *r)
		}
	}
	for _, r := range replaced {
		if err := errors.Join(w.Work.DropReplace(r.Old.Path, r.Old.Version), w.Work.AddReplace(r.Old.Path, version, r.New.Path, "")); err != nil {
			return err
		}
	}
	w.Work.SortBlocks()
	w.Work.Cleanup()
	return writeChanged(filepath.Join(w.Root, "go.work"), modfile.Format(w.Work.Syntax))
}

func dateChangelog(root, version string, now time.Time) error {
	file := filepath.Join(root, "CHANGELOG.md")
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text := string(data)
	if strings.Count(text, unreleased) != 1 {
		return fmt.Errorf("CHANGELOG.md has not exactly one %q", strings.TrimSpace(unreleased))
	}
	heading := fmt.Sprintf("%s\n## [%s] - %s\n", unreleased, strings.TrimPrefix(version, "v"), now.Format(time.DateOnly))
	return writeChanged(file, []byte(strings.Replace(text, unreleased, heading, 1)))
}
