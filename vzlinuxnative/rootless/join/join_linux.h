// What the constructor tells the Go side. See join_linux.c.
#ifndef VZ_JOIN_H
#define VZ_JOIN_H

struct vz_session {
	int joined;       // this process is in a session
	unsigned uid;     // whose
	int err;          // errno of the step that failed, 0 without one
	const char *step; // what failed
	char dir[4096];   // the session's directory
};

extern struct vz_session vz_session;

// vz_hold is the program of the session's holder; it does not return.
void vz_hold(int again);

#endif
