package main

import (
	"encoding/xml"

	"vz.internal/vzcli/internal/command"
)

// entitlement is what a program that runs virtual machines on a Mac is signed with.
const entitlement = "com.apple.security.virtualization"

// signed judges what codesign said of a program: its entitlements as a property list.
func signed(program string, list []byte, err error) command.CheckResult {
	if err == nil && granted(list) {
		return command.CheckResult{Name: "signed", Status: "ok", Detail: program + " has the entitlement " + entitlement}
	}
	detail := program + " is not signed with the entitlement " + entitlement
	if err != nil {
		detail += ": codesign: " + err.Error()
	}
	return command.CheckResult{
		Name: "signed", Status: "failed", Detail: detail,
		Remedy: "codesign --force --sign - --entitlements entitlements/vz.entitlements " + program,
	}
}

// granted tells whether the key is followed by <true/>.
func granted(list []byte) bool {
	var plist struct {
		Dict struct {
			Items []struct {
				XMLName xml.Name
				Text    string `xml:",chardata"`
			} `xml:",any"`
		} `xml:"dict"`
	}
	if xml.Unmarshal(list, &plist) != nil {
		return false
	}
	items := plist.Dict.Items
	for i := range items {
		if items[i].XMLName.Local == "key" && items[i].Text == entitlement {
			return i+1 < len(items) && items[i+1].XMLName.Local == "true"
		}
	}
	return false
}
