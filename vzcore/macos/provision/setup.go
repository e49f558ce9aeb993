package provision

import (
	"errors"
	"fmt"

	"howett.net/plist"
)

// seen are the pages of Setup Assistant that a user has behind him, of macOS 14 to 27. A
// version ignores those that it does not have.
var seen = []string{
	"DidSeeAccessibility", "DidSeeActivationLock", "DidSeeAppStore", "DidSeeAppearanceSetup", "DidSeeApplePaySetup", "DidSeeCloudSetup",
	"DidSeeLockdownMode", "DidSeePrivacy", "DidSeeScreenTime", "DidSeeSiriSetup", "DidSeeSyncSetup", "DidSeeSyncSetup2", "DidSeeTermsOfAddress",
	"DidSeeTouchIDSetup", "DidSeeiCloudLoginForStorageServices",
}

// seenVersion are those that come again with a new version.
var seenVersion = []string{
	"DidSeeNewFeaturesProductVersion", "LastSeenAgeRangeSelectionProductVersion", "LastSeenCloudProductVersion", "LastSeenDiagnosticsProductVersion",
	"LastSeenGlassTintUpsellProductVersion", "LastSeenIntelligenceProductVersion", "LastSeenSiriProductVersion", "LastSeenSyncProductVersion",
	"LastSeeniCloudStorageServicesProductVersion",
}

// setupAssistant are the user's settings of Setup Assistant.
func setupAssistant(version, build string) ([]byte, error) {
	settings := map[string]any{"LastSeenBuddyBuildVersion": build, "LastPreLoginTasksPerformedVersion": version, "LastPreLoginTasksPerformedBuild": build}
	for _, key := range seen {
		settings[key] = true
	}
	for _, key := range seenVersion {
		settings[key] = version
	}
	return plist.Marshal(settings, plist.BinaryFormat)
}

// loginWindow has a user logged in at boot. The file of the guest is replaced and not
// read: a guest may have written anything there. It may also hold a note that a user has
// not logged in yet, which would start Setup Assistant in spite of all else.
func loginWindow(user string) ([]byte, error) {
	return plist.Marshal(map[string]any{"autoLoginUser": user, "GuestEnabled": false}, plist.BinaryFormat)
}

// decode reads a property list of a program of the host. Those of a guest are not for it:
// a binary one can be small and take all memory.
func decode(text []byte, v any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("no property list: %v", r)
		}
	}()
	if len(text) == 0 {
		return errors.New("no property list: it is empty")
	}
	_, err = plist.Unmarshal(text, v)
	return err
}
