/* A file system that fails at a chosen step, for the tests alone: preloaded into the real binary.
 *
 * A step is one call by which the program changes what is below one folder: a file made or emptied,
 * bytes written, a length set, a name changed or removed, a folder made, a wait for the disk. Steps
 * are counted over all threads. Everything else, and every other folder, is passed on untouched.
 *
 *   FAULTY_ROOT   the folder, absolute
 *   FAULTY_TRACE  each step is appended to this file: its call and its file, after "not: "
 *                 where it was not, or not wholly, done
 *   FAULTY_AT     the step that fails, counted from 1; 0 for none
 *   FAULTY_DO     kill-before, kill-after  SIGKILL instead of, or right after, that step
 *                 kill-torn                SIGKILL after half of the bytes of a write
 *                 ENOSPC, EDQUOT, EIO, EROFS  that step and all later ones fail with it
 *                 once:ENOSPC, ...         that step alone fails
 *   FAULTY_LOCKS  the error of every lock in that folder: ENOLCK, EIO, ...
 *   FAULTY_MMAP   where set, no file of that folder can be mapped
 *   FAULTY_CLOCK  seconds by which the clock on the wall is wrong
 *   FAULTY_THREADS  so many threads beside the first at a time, and no more: a limit of
 *                 processes; once:N, the Nth thread alone is not made
 *
 * A full disk first takes half of a write, as a real one does, and still removes and shortens files;
 * a read-only one also refuses to open for writing. What is written through a mapping (SQLite's
 * -shm) passes by: it is an index that the next one to open makes anew.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { MAKE, WRITE, WAIT, LENGTH, NAME };
enum deed { PASS, REFUSE, HALF, KILL_BEFORE, KILL_HALF, KILL_AFTER };

static const char *root, *what;
static size_t root_length;
static long fail_at, clock_error, most_threads, missing_thread;
static int trace = -1, error, only_once, locks, mappings;
static atomic_long steps, threads, threads_made;

#define NEXT(name, ...)                                                                            \
  static __typeof__(name) *next;                                                                   \
  if (!next) next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int error_of(const char *name) {
  return !strcmp(name, "ENOSPC")   ? ENOSPC
         : !strcmp(name, "EDQUOT") ? EDQUOT
         : !strcmp(name, "EIO")    ? EIO
         : !strcmp(name, "EROFS")  ? EROFS
         : !strcmp(name, "ENOLCK") ? ENOLCK
                                   : 0;
}

__attribute__((constructor)) static void begin(void) {
  const char *at = getenv("FAULTY_AT"), *path = getenv("FAULTY_TRACE"), *seconds = getenv("FAULTY_CLOCK");
  const char *limit = getenv("FAULTY_THREADS");
  root = getenv("FAULTY_ROOT");
  what = getenv("FAULTY_DO");
  what = what ? what : "";
  root_length = root ? strlen(root) : 0;
  fail_at = at ? atol(at) : 0;
  clock_error = seconds ? atol(seconds) : 0;
  missing_thread = limit && !strncmp(limit, "once:", 5) ? atol(limit + 5) : 0;
  most_threads = limit && !missing_thread ? atol(limit) : -1;
  only_once = !strncmp(what, "once:", 5);
  locks = getenv("FAULTY_LOCKS") ? error_of(getenv("FAULTY_LOCKS")) : 0;
  mappings = getenv("FAULTY_MMAP") != NULL;
  error = error_of(only_once ? what + 5 : what);
  if (path) trace = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

/* The program names its files by absolute paths. The folder itself counts: its names are synced. */
static int is_ours(const char *path) {
  return root_length && path && !strncmp(path, root, root_length) &&
         (path[root_length] == '/' || !path[root_length]);
}

static int is_ours_at(int folder, const char *path) {
  return path && (path[0] == '/' || folder == AT_FDCWD) && is_ours(path);
}

/* The file of a descriptor, if it is ours. */
static const char *ours(int fd, char *path, size_t size) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = root_length ? readlink(link, path, size - 1) : -1;
  if (length < 0) return NULL;
  path[length] = 0;
  return is_ours(path) ? path : NULL;
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* Whether the error can come of such a call. */
static int can_fail(enum kind kind, const char *call) {
  int is_full = error == ENOSPC || error == EDQUOT;
  if (is_full) return kind == MAKE || kind == WRITE || kind == WAIT || !strcmp(call, "rename");
  return error == EROFS ? kind != WAIT : 1;
}

static void note(const char *call, const char *path, int is_done) {
  char line[512];
  const char *name = path[root_length] ? path + root_length + 1 : ".";
  int length = snprintf(line, sizeof line, "%s%s %s\n", is_done ? "" : "not: ", call, name);
  if (trace >= 0 && length > 0) syscall(SYS_write, trace, line, (size_t)length);
}

/* What becomes of a step. */
static enum deed decide(long number, enum kind kind, const char *call) {
  if (!fail_at || number < fail_at) return PASS;
  if (error) {
    if ((only_once && number > fail_at) || !can_fail(kind, call)) return PASS;
    int is_full = error == ENOSPC || error == EDQUOT;
    return is_full && number == fail_at && !only_once && kind == WRITE ? HALF : REFUSE;
  }
  if (number > fail_at) for (;;) pause(); /* another thread is about to kill the process */
  if (!strcmp(what, "kill-before")) return KILL_BEFORE;
  return !strcmp(what, "kill-torn") && kind == WRITE ? KILL_HALF : KILL_AFTER;
}

/* Counts a step and notes it. */
static enum deed step(enum kind kind, const char *call, const char *path) {
  enum deed deed = decide(atomic_fetch_add(&steps, 1) + 1, kind, call);
  note(call, path, deed == PASS || deed == KILL_AFTER);
  if (deed == KILL_BEFORE) die();
  return deed;
}

static int refused(void) {
  errno = error;
  return -1;
}

/* The call itself, with what was decided around it. */
#define AROUND(decision, call)                                                                     \
  do {                                                                                             \
    enum deed outcome = (decision);                                                                \
    if (outcome == REFUSE) return refused();                                                       \
    __typeof__(call) result = (call);                                                              \
    if (outcome == KILL_AFTER) die();                                                              \
    return result;                                                                                 \
  } while (0)

/* A file that is made or emptied is a step; one that is merely opened is none. */
static enum deed opening(int folder, const char *path, int flags) {
  if (!is_ours_at(folder, path) || (flags & O_ACCMODE) == O_RDONLY) return PASS;
  struct stat found;
  int is_there = !stat(path, &found);
  if (is_there ? flags & O_TRUNC : flags & O_CREAT) return step(MAKE, "open", path);
  int is_late = fail_at && atomic_load(&steps) + 1 >= fail_at && !only_once;
  return error == EROFS && is_late ? REFUSE : PASS;
}

#define MODE(flags)                                                                                \
  mode_t mode = 0;                                                                                 \
  if ((flags) & (O_CREAT | __O_TMPFILE)) {                                                         \
    va_list more;                                                                                  \
    va_start(more, flags);                                                                         \
    mode = va_arg(more, mode_t);                                                                   \
    va_end(more);                                                                                  \
  }

int open(const char *path, int flags, ...) {
  MODE(flags);
  NEXT(open);
  AROUND(opening(AT_FDCWD, path, flags), next(path, flags, mode));
}

int open64(const char *path, int flags, ...) {
  MODE(flags);
  NEXT(open64);
  AROUND(opening(AT_FDCWD, path, flags), next(path, flags, mode));
}

int openat(int folder, const char *path, int flags, ...) {
  MODE(flags);
  NEXT(openat);
  AROUND(opening(folder, path, flags), next(folder, path, flags, mode));
}

int openat64(int folder, const char *path, int flags, ...) {
  MODE(flags);
  NEXT(openat64);
  AROUND(opening(folder, path, flags), next(folder, path, flags, mode));
}

/* Half of a write of one byte is none: that is refused as a whole. */
#define WRITING(call, fd, length, whole, half)                                                     \
  char path[4096];                                                                                 \
  enum deed decided = ours(fd, path, sizeof path) ? step(WRITE, call, path) : PASS;                \
  if (decided == HALF && (length) < 2) return refused();                                           \
  if (decided == HALF) return half;                                                                \
  if (decided == KILL_HALF) {                                                                      \
    if ((length) > 1) (void)!half;                                                                 \
    die();                                                                                         \
  }                                                                                                \
  AROUND(decided, whole)

ssize_t write(int fd, const void *bytes, size_t length) {
  NEXT(write);
  WRITING("write", fd, length, next(fd, bytes, length), next(fd, bytes, length / 2));
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
  NEXT(pwrite);
  WRITING("write", fd, length, next(fd, bytes, length, at), next(fd, bytes, length / 2, at));
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  NEXT(pwrite64);
  WRITING("write", fd, length, next(fd, bytes, length, at), next(fd, bytes, length / 2, at));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  NEXT(writev);
  WRITING("write", fd, count, next(fd, parts, count), next(fd, parts, count / 2));
}

#define WITH_FILE(name, kind, fd, whole)                                                           \
  char path[4096];                                                                                 \
  AROUND(ours(fd, path, sizeof path) ? step(kind, name, path) : PASS, whole)

int fsync(int fd) {
  NEXT(fsync);
  WITH_FILE("fsync", WAIT, fd, next(fd));
}

int fdatasync(int fd) {
  NEXT(fdatasync);
  WITH_FILE("fsync", WAIT, fd, next(fd));
}

int ftruncate(int fd, off_t length) {
  NEXT(ftruncate);
  WITH_FILE("ftruncate", LENGTH, fd, next(fd, length));
}

int ftruncate64(int fd, off64_t length) {
  NEXT(ftruncate64);
  WITH_FILE("ftruncate", LENGTH, fd, next(fd, length));
}

#define WITH_NAME(name, kind, folder, path, whole)                                                 \
  AROUND(is_ours_at(folder, path) ? step(kind, name, path) : PASS, whole)

int rename(const char *from, const char *to) {
  NEXT(rename);
  WITH_NAME("rename", NAME, AT_FDCWD, to, next(from, to));
}

int renameat(int folder, const char *from, int other, const char *to) {
  NEXT(renameat);
  WITH_NAME("rename", NAME, other, to, next(folder, from, other, to));
}

int renameat2(int folder, const char *from, int other, const char *to, unsigned flags) {
  NEXT(renameat2);
  WITH_NAME("rename", NAME, other, to, next(folder, from, other, to, flags));
}

int unlink(const char *path) {
  NEXT(unlink);
  WITH_NAME("unlink", NAME, AT_FDCWD, path, next(path));
}

int unlinkat(int folder, const char *path, int flags) {
  NEXT(unlinkat);
  WITH_NAME("unlink", NAME, folder, path, next(folder, path, flags));
}

/* A folder that is there already is no step. */
int mkdir(const char *path, mode_t mode) {
  NEXT(mkdir);
  struct stat found;
  int is_step = is_ours(path) && stat(path, &found);
  AROUND(is_step ? step(MAKE, "mkdir", path) : PASS, next(path, mode));
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  NEXT(clock_gettime);
  int result = next(clock, now);
  if (!result && clock == CLOCK_REALTIME) now->tv_sec += clock_error;
  return result;
}

/* Locks and mappings are no steps: where they fail, all do. */
static int lock_error(int fd) {
  char path[4096];
  return locks && ours(fd, path, sizeof path) ? locks : 0;
}

#define LOCKING(name)                                                                              \
  int name(int fd, int command, ...) {                                                             \
    NEXT(name);                                                                                    \
    va_list more;                                                                                  \
    va_start(more, command);                                                                       \
    void *argument = va_arg(more, void *);                                                         \
    va_end(more);                                                                                  \
    int asks = command == F_SETLK || command == F_SETLKW;                                          \
    errno = asks ? lock_error(fd) : 0;                                                             \
    return errno ? -1 : next(fd, command, argument);                                               \
  }

LOCKING(fcntl)
LOCKING(fcntl64)

int flock(int fd, int how) {
  NEXT(flock);
  errno = lock_error(fd);
  return errno ? -1 : next(fd, how);
}

#define MAPPING(name, offset)                                                                      \
  void *name(void *at, size_t length, int protection, int flags, int fd, offset from) {            \
    NEXT(name);                                                                                    \
    char path[4096];                                                                               \
    if (mappings && fd >= 0 && ours(fd, path, sizeof path)) {                                      \
      errno = ENOMEM;                                                                              \
      return MAP_FAILED;                                                                           \
    }                                                                                              \
    return next(at, length, protection, flags, fd, from);                                          \
  }

MAPPING(mmap, off_t)
MAPPING(mmap64, off64_t)

struct work {
  void *(*begin)(void *);
  void *with;
};

static void *counted(void *given) {
  struct work work = *(struct work *)given;
  free(given);
  void *result = work.begin(work.with);
  atomic_fetch_sub(&threads, 1);
  return result;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*begin)(void *), void *with) {
  NEXT(pthread_create);
  if (missing_thread && atomic_fetch_add(&threads_made, 1) + 1 == missing_thread) return EAGAIN;
  if (most_threads < 0) return next(thread, how, begin, with);
  struct work *work = malloc(sizeof *work);
  if (!work) return EAGAIN;
  *work = (struct work){begin, with};
  int failed = atomic_fetch_add(&threads, 1) >= most_threads ? EAGAIN : next(thread, how, counted, work);
  if (failed) {
    atomic_fetch_sub(&threads, 1);
    free(work);
  }
  return failed;
}
