# What every optimised build of ours has: the compiler's and the linker's protections, and bytes that
# do not depend on the folder in which they were built. tests/hardening_test.py reads them back from
# what was built. Sanitizers bring their own, and Debug is for debuggers.
include(CheckPIESupported)
check_pie_supported(LANGUAGES C CXX)

if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT EXTREQ_SANITIZE)
  add_compile_options(
    $<$<COMPILE_LANGUAGE:C,CXX>:-fstack-protector-strong>
    $<$<COMPILE_LANGUAGE:C,CXX>:-fstack-clash-protection>
    $<$<COMPILE_LANGUAGE:C,CXX>:-fcf-protection=full>
    $<$<COMPILE_LANGUAGE:C,CXX>:-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.>
    $<$<COMPILE_LANGUAGE:C,CXX>:-ffile-prefix-map=${PROJECT_BINARY_DIR}=.>)
  # One value with Debian's own flags, or the second definition would be an error.
  add_compile_definitions($<$<COMPILE_LANGUAGE:C,CXX>:_FORTIFY_SOURCE=2>)
  add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
