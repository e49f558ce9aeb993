package files

import (
	"github.com/u-root/u-root/pkg/core"
	"github.com/u-root/u-root/pkg/core/cat"
	"github.com/u-root/u-root/pkg/core/chmod"
	"github.com/u-root/u-root/pkg/core/cp"
	"github.com/u-root/u-root/pkg/core/gzip"
	"github.com/u-root/u-root/pkg/core/mktemp"
	"github.com/u-root/u-root/pkg/core/mv"
	"github.com/u-root/u-root/pkg/core/rm"
	"github.com/u-root/u-root/pkg/core/touch"
	"github.com/u-root/u-root/pkg/core/xargs"

	"vz.internal/vzcli/internal/box/applet"
)

// Programs returns them by name.
func Programs() map[string]applet.Program {
	return map[string]applet.Program{
		"cat":      uroot(func() core.Command { return cat.New() }),
		"chmod":    uroot(func() core.Command { return chmod.New() }),
		"chown":    chown,
		"cp":       copyFiles,
		"df":       df,
		"du":       du,
		"find":     find,
		"gunzip":   uroot(func() core.Command { return gzip.New("gunzip") }),
		"gzip":     uroot(func() core.Command { return gzip.New("gzip") }),
		"ln":       ln,
		"ls":       ls,
		"mkdir":    makeDirs,
		"mktemp":   uroot(func() core.Command { return mktemp.New() }),
		"mv":       uroot(func() core.Command { return mv.New() }),
		"readlink": readlink,
		"rm":       uroot(func() core.Command { return rm.New() }),
		"rmdir":    rmdir,
		"stat":     stat,
		"tar":      archive,
		"touch":    uroot(func() core.Command { return touch.New() }),
		"xargs":    uroot(func() core.Command { return xargs.New() }),
		"zcat":     uroot(func() core.Command { return gzip.New("gzcat") }),
	}
}

// uroot runs a program of u-root.
func uroot(make func() core.Command) applet.Program {
	return func(std *applet.IO, args []string) int {
		c := make()
		c.SetIO(std.In, std.Out, std.Err)
		if err := c.Run(args...); err != nil {
			return std.Fail(err)
		}
		return 0
	}
}

// copyFiles is cp; -a keeps links, as its -R -P does.
func copyFiles(std *applet.IO, args []string) int {
	for i, a := range args {
		switch a {
		case "-a":
			args = append(append(append([]string{}, args[:i]...), "-R", "-P"), args[i+1:]...)
		case "-p":
			args = append(append([]string{}, args[:i]...), args[i+1:]...)
		default:
			continue
		}
		break
	}
	return uroot(func() core.Command { return cp.New() })(std, args)
}
