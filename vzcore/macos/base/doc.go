// Package base describes the restore images that macOS guests are made from: where
// they are, what their bytes must be, and what takes their place.
//
// A descriptor file is JSON:
//
//	{
//	  "bases": [
//	    {
//	      "id": "macos-15",
//	      "channel": "stable",
//	      "ipsw": {"url": "https://…/Restore.ipsw", "sha256": "…", "size": 16814137790},
//	      "fingerprints": {"version": "15.6.1", "build": "24G90"},
//	      "support": "supported",
//	      "replacement": ""
//	    }
//	  ]
//	}
//
// It is read strictly: an unknown or repeated key, another type and trailing data are
// errors that name file and line. A base without a sha256 is unpinned: nothing says what
// its bytes must be, so [Policy] lets it be used only when that was asked for.
package base
