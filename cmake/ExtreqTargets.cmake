# The three kinds of target that a folder of the house has. Each folder lists its files by name.

# Where EXTREQ_UNITY compiles several files as one, the files listed as ALONE stay by themselves:
# they have a name in common with a neighbour.

# extreq_unity_program(TARGET)
# A program whose files cost more by what they include than by what they say.
function(extreq_unity_program target)
  if(EXTREQ_UNITY STREQUAL "PROGRAMS")
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON)
  endif()
endfunction()

# extreq_library(NAME SOURCES a.cpp ... [DEPENDS t ...] [PRIVATE_DEPENDS t ...] [ALONE a.cpp ...])
# A static library extreq_NAME whose headers are included as "folder/header.hpp". With no sources
# it is header-only.
function(extreq_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS;ALONE" ${ARGN})
  set_source_files_properties(${ARG_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  if(ARG_SOURCES)
    add_library(extreq_${name} STATIC ${ARG_SOURCES})
    target_include_directories(extreq_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src
                                                     ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(extreq_${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE_DEPENDS}
                                                                       extreq_warnings)
  else()
    add_library(extreq_${name} INTERFACE)
    target_include_directories(extreq_${name} INTERFACE ${PROJECT_SOURCE_DIR}/src
                                                        ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(extreq_${name} INTERFACE ${ARG_DEPENDS})
  endif()
endfunction()

# extreq_test(NAME SOURCES a_test.cpp ... [DEPENDS t ...] [TIMEOUT seconds] [ALONE a_test.cpp ...]
# [SINGLE_THREADED])
# One test program for the folder, run by ctest as one test. EXTREQ_TEST_KEYS names the folder in
# which slow RSA keys are made once per build tree; EXTREQ_TESTDATA AMD's data.
# SINGLE_THREADED: there is nothing in it for ThreadSanitizer to see.
function(extreq_test name)
  cmake_parse_arguments(ARG "SINGLE_THREADED" "TIMEOUT" "SOURCES;DEPENDS;ALONE" ${ARGN})
  if(NOT EXTREQ_BUILD_TESTS OR (ARG_SINGLE_THREADED AND EXTREQ_SANITIZE STREQUAL "thread"))
    return()
  endif()
  set_source_files_properties(${ARG_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(extreq_${name}_tests ${ARG_SOURCES})
  extreq_unity_program(extreq_${name}_tests)
  target_link_libraries(extreq_${name}_tests PRIVATE ${ARG_DEPENDS} extreq_warnings GTest::gmock
                                                     GTest::gtest_main)
  # Optimising the tests themselves takes most of a build and shows nothing more: what they test is
  # in the libraries. libc's checked calls want optimisation.
  target_compile_options(extreq_${name}_tests PRIVATE -O0 -U_FORTIFY_SOURCE)
  add_test(NAME ${name} COMMAND extreq_${name}_tests)
  set_tests_properties(
    ${name}
    PROPERTIES TIMEOUT
               ${ARG_TIMEOUT}
               ENVIRONMENT
               "EXTREQ_TEST_KEYS=${EXTREQ_TEST_KEYS};EXTREQ_TESTDATA=${PROJECT_SOURCE_DIR}/tests/data/amd;EXTREQ_SOURCE_DIR=${PROJECT_SOURCE_DIR};EXTREQ_PROGRAM=$<$<TARGET_EXISTS:extreq>:$<TARGET_FILE:extreq>>"
  )
endfunction()

# extreq_fuzzer(NAME SOURCES f.cpp ... DEPENDS t ...) : only in the fuzz preset (clang, libFuzzer).
function(extreq_fuzzer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(fuzz_${name} ${ARG_SOURCES})
  target_link_libraries(fuzz_${name} PRIVATE ${ARG_DEPENDS} extreq_warnings)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endfunction()

# extreq_bench(NAME SOURCES b.cpp ... DEPENDS t ...) : Google Benchmark programs.
function(extreq_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(bench_${name} ${ARG_SOURCES})
  target_include_directories(bench_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(bench_${name} PRIVATE ${ARG_DEPENDS} extreq_warnings benchmark::benchmark
                                              benchmark::benchmark_main)
endfunction()
