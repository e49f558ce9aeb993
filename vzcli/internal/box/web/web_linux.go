package web

import "vz.internal/vzcli/internal/box/applet"

// Programs returns them by name.
func Programs() map[string]applet.Program {
	return map[string]applet.Program{"httpd": httpd, "wget": wget, "nc": netcat}
}
