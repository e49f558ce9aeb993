package reference

// all reports whether s is not empty and each of its bytes is in class.
func all(s string, class func(byte) bool) bool {
	for i := range len(s) {
		if !class(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isAlnum is Docker's alphabet of repositories: lower case only.
func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'z' }

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func isHostChar(c byte) bool { return isAlnum(c) || isUpper(c) || c == '-' }

func isTagChar(c byte) bool { return isAlnum(c) || isUpper(c) || c == '_' || c == '.' || c == '-' }

func isHexDigit(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' }

func isHex(s string, length int) bool { return len(s) == length && all(s, isHexDigit) }

// shorten keeps hostile input from filling the screen.
func shorten(s string) string {
	const limit = 300
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "…"
}
