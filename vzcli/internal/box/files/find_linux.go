package files

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"vz.internal/vzcli/internal/box/applet"
)

// find walks directories: -name PATTERN, -type f|d|l|p|s|b|c, -maxdepth N,
// -mindepth N, -print, -print0.
func find(std *applet.IO, args []string) int {
	var roots []string
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		roots, args = append(roots, args[0]), args[1:]
	}
	if len(roots) == 0 {
		roots = []string{"."}
	}
	q := query{most: -1, end: "\n"}
	if err := q.parse(args); err != nil {
		return std.Fail(err)
	}
	status := 0
	for _, root := range roots {
		depthOfRoot := strings.Count(filepath.Clean(root), "/")
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				status = std.Fail(err)
				if d == nil {
					return nil
				}
			}
			depth := strings.Count(filepath.Clean(path), "/") - depthOfRoot
			if filepath.Clean(root) == "/" && path != root {
				depth++
			}
			if root == "." && path != "." {
				depth = strings.Count(path, "/") + 1
				path = "./" + path
			}
			if depth >= q.least && q.matches(path, d) {
				fmt.Fprint(std.Out, path, q.end)
			}
			if q.most >= 0 && depth >= q.most && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		})
		if err != nil {
			status = std.Fail(err)
		}
	}
	return status
}

// query is what find looks for.
type query struct {
	name, kind  string
	least, most int
	end         string
}

func (q *query) parse(args []string) (err error) {
	for len(args) > 0 {
		option := args[0]
		args = args[1:]
		switch option {
		case "-print":
			continue
		case "-print0":
			q.end = "\x00"
			continue
		}
		if len(args) == 0 {
			return fmt.Errorf("option %s is unknown or needs a value", option)
		}
		value := args[0]
		args = args[1:]
		switch option {
		case "-name":
			q.name = value
			_, err = filepath.Match(value, "")
		case "-type":
			q.kind = value
		case "-maxdepth":
			q.most, err = strconv.Atoi(value)
		case "-mindepth":
			q.least, err = strconv.Atoi(value)
		default:
			err = fmt.Errorf("unknown option %s", option)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (q *query) matches(path string, d fs.DirEntry) bool {
	if q.name != "" {
		if ok, err := filepath.Match(q.name, filepath.Base(path)); err != nil || !ok {
			return false
		}
	}
	if q.kind == "" {
		return true
	}
	letter := "f"
	switch t := d.Type(); {
	case t.IsDir():
		letter = "d"
	case t&fs.ModeSymlink != 0:
		letter = "l"
	case t&fs.ModeNamedPipe != 0:
		letter = "p"
	case t&fs.ModeSocket != 0:
		letter = "s"
	case t&fs.ModeCharDevice != 0:
		letter = "c"
	case t&fs.ModeDevice != 0:
		letter = "b"
	}
	return letter == q.kind
}
