# How the libraries that others link are installed: header, shared and static form, pkg-config, and
# the targets that find_package(extreq COMPONENTS ...) brings.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(EXTREQ_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/extreq)

# extreq_install_library(NAME TARGETS shared static HEADERS extreq/a.h ... DESCRIPTION text
# PRIVATE_LIBRARIES -la ...)
# libextreq-NAME, extreq-NAME.pc, extreq::NAME and extreq::NAME_static. PRIVATE_LIBRARIES is what
# whoever links the static form needs beside it.
function(extreq_install_library name)
  cmake_parse_arguments(ARG "" "DESCRIPTION" "TARGETS;HEADERS;PRIVATE_LIBRARIES" ${ARGN})
  list(GET ARG_TARGETS 0 shared)
  list(GET ARG_TARGETS 1 static)
  set_target_properties(${shared} PROPERTIES EXPORT_NAME ${name})
  set_target_properties(${static} PROPERTIES EXPORT_NAME ${name}_static)
  target_link_libraries(${static} INTERFACE "$<INSTALL_INTERFACE:${ARG_PRIVATE_LIBRARIES}>")
  install(TARGETS ${shared} ${static} EXPORT extreq-${name}
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT extreq-${name} FILE extreq-${name}-targets.cmake NAMESPACE extreq::
          DESTINATION ${EXTREQ_CMAKE_DIR})
  foreach(header ${ARG_HEADERS})
    install(FILES ${PROJECT_SOURCE_DIR}/include/${header}
            DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/extreq)
  endforeach()
  string(REPLACE ";" " " private_libraries "${ARG_PRIVATE_LIBRARIES}")
  configure_file(${PROJECT_SOURCE_DIR}/packaging/pkgconfig/extreq.pc.in
                 ${CMAKE_CURRENT_BINARY_DIR}/extreq-${name}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/extreq-${name}.pc
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
