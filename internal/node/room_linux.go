package node

import "golang.org/x/sys/unix"

// free is how many bytes and files a disk still takes, for this user.
func free(dir string) (bytes, files uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	if files = st.Ffree; st.Files == 0 {
		files = 1 // a file system that does not count them
	}
	return st.Bavail * uint64(st.Bsize), files, nil
}
